// Made from src/posterity/web/answers.py by scripts/page_types.py; a test keeps the two alike.

export interface Clinic {
  name: string;
  width: number;
  height: number;
  known: string | null;
  matches: Matches;
  palette: [string, number][];
  predicted: GenreView[];
  money: MoneyView | null;
  spots: Spot[];
  notes: string[];
}

export interface Collection {
  name: string;
  state: string;
  ids: string[];
  titles: string[];
  years: (number | null)[];
  genres: string[];
  genre_of: number[][];
  languages: string[];
  language_of: number[];
  franchises: string[];
  franchise_of: number[];
  ratings: (number | null)[];
  popularity: (number | null)[];
  revenues: (number | null)[];
  ratios: (number | null)[];
  flags: string[];
  flag_of: number[][];
  predicted: string[];
  predicted_of: number[][];
  digests: string[];
  shapes: number[];
  palettes: string;
  colours: Record<string, [number, number, number]>;
  atlas: Sprites;
  layouts: LayoutName[];
  facets: string[];
  encoder: string;
  models: string[];
  clinic: boolean;
}

export interface Copy {
  id: string;
  title: string;
  path: string;
  width: number;
  height: number;
  bytes: number;
  sharpness: number | null;
  score: number | null;
}

export interface DuplicateGroup {
  keep: string;
  members: string[];
  copies: Copy[];
}

export interface Duplicates {
  encoder: string;
  posters: number;
  candidates: number;
  groups: DuplicateGroup[];
  mirrored: boolean;
}

export interface DuplicatesJob {
  state: string;
  detail: string;
  result: Duplicates | null;
}

export interface EncoderScores {
  encoder: string;
  dimension: number;
  posters: number;
  queries: number;
  versions: number;
  franchise_at_1: Score | null;
  franchise_at_5: Score | null;
  franchise_at_10: Score | null;
  same_film_at_1: Score | null;
  same_film_at_5: Score | null;
  genre_at_5: Score | null;
  genre_map: Score | null;
  genre_auc: Score | null;
  genre_top3: Score | null;
}

export interface Evaluation {
  encoders: EncoderScores[];
  layouts: LayoutScores[];
}

export interface EvaluationJob {
  state: string;
  detail: string;
  result: Evaluation | null;
}

export interface Film {
  imdb_id: string | null;
  tmdb_id: number | null;
  title: string | null;
  year: number | null;
  genres: string[];
  budget: number | null;
  revenue: number | null;
  currency: string | null;
  popularity: number | null;
  vote_average: number | null;
  vote_count: number | null;
  runtime: number | null;
  release_date: string | null;
  original_language: string | null;
  collection: string | null;
}

export interface FilmPage {
  poster: Poster;
  links: Record<string, string>;
  palette: [string, number][];
  predicted: GenreView[];
  money: MoneyView | null;
  relatives: Relative[];
  notes: string[];
}

export interface Films {
  total: number;
  films: Found[];
}

export interface Finding {
  source: string;
  item: string;
  kind: string;
  reason: string;
  detail: string;
  poster_id: string | null;
  bytes: number;
  mtime_ns: number;
  sha256: string | null;
  rules: string;
}

export interface Flagged {
  id: string;
  path: string;
  flag: string;
  detail: string;
}

export interface Found {
  id: string;
  title: string;
  year: number | null;
  genres: string[];
  score: number;
}

export interface GenreView {
  genre: string;
  probability: number;
  low: number;
  high: number;
  prior: number;
  claimed: boolean;
}

export interface Health {
  status: string;
  version: string;
  posters: number;
}

export interface LayoutAnswer {
  name: string;
  kind: string;
  label: string;
  x: number[];
  y: number[];
  aspect: number;
  rows: number;
  cols: number;
  topology: string;
  clusters: Place[];
  scores: Record<string, number[]>;
  chance: Record<string, number[]>;
}

export interface LayoutName {
  name: string;
  kind: string;
  label: string;
}

export interface LayoutScores {
  name: string;
  kind: string;
  encoder: string;
  posters: number;
  scores: Record<string, Score>;
}

export interface Match {
  id: string;
  title: string;
  score: number;
  distance: number;
  year: number | null;
  genres: string[];
  contributions: Record<string, number> | null;
}

export interface Matches {
  query: Query;
  encoder: string;
  matches: Match[];
  weights: Record<string, number> | null;
}

export interface MoneyView {
  probability: number;
  low: number;
  high: number;
  base_rate: number;
  based_on: string;
  caveat: string;
}

export interface Pair {
  a: string;
  b: string;
  score: number;
  distance: number;
  kind: string;
  title_a: string;
  title_b: string;
}

export interface Pairs {
  encoder: string;
  posters: number;
  hidden: string[];
  pairs: Pair[];
}

export interface PairsJob {
  state: string;
  detail: string;
  result: Pairs | null;
}

export interface Place {
  label: string;
  size: number;
  representative: number;
  x: number;
  y: number;
}

export interface Poster {
  id: string;
  source: string;
  path: string;
  film: Film;
  format: string;
  mode: string;
  width: number;
  height: number;
  bytes: number;
  mtime_ns: number;
  sha256: string;
  phash: number;
  flags: string[];
  flag_details: string[];
  metadata_digest: string;
}

export interface Problem {
  detail: string;
  remedy: string;
}

export interface Query {
  id: string | null;
  title: string;
  file: string | null;
  text: string | null;
  likes: string[];
  unlikes: string[];
  colours: string[];
}

export interface Relative {
  id: string;
  title: string;
  kind: string;
}

export interface Report {
  seen: number;
  posters: number;
  dropped: Finding[];
  flagged: Flagged[];
  rows: Finding[];
  runs: Record<string, unknown>[];
  kept: Finding[];
}

export interface Score {
  value: number;
  low: number;
  high: number;
}

export interface Spot {
  layout: string;
  x: number;
  y: number;
}

export interface Sprites {
  sprite: [number, number];
  grid: [number, number];
  pages: string[];
  slots: number[];
  sheet: [number, number];
  sheets: string[];
}

export interface Why {
  a: string;
  b: string;
  score: number;
  contributions: Record<string, number>;
  weights: Record<string, number>;
  regions: Record<string, [number[][], number[][]]>;
  palettes: [[string, number][], [string, number][]];
  same_artwork: boolean;
}
