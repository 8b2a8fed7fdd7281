// The chosen posters as files: a table, JSON, or a ZIP of table and thumbnails, all made here.

import { films, source } from "../state";

const COLUMNS = ["id", "title", "year", "genres", "language", "rating", "revenue", "revenue/budget", "flags"] as const;

function row(i: number): (string | number | null)[] {
  const known = films.value!;
  return [
    known.ids[i], known.titles[i], known.years[i], known.genre_of[i].map((g) => known.genres[g]).join("|"),
    known.languages[known.language_of[i]] ?? "", known.ratings[i], known.revenues[i], known.ratios[i],
    known.flag_of[i].map((f) => known.flags[f]).join("|"),
  ];
}

/** CSV as RFC 4180 has it; cells that a spreadsheet would take for a formula are quoted with an apostrophe. */
export function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null): string => {
    let text = String(value ?? "");
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((each) => each.map(cell).join(",") + "\r\n").join("");
}

export const asCsv = (numbers: Iterable<number>): string => csv([COLUMNS, ...Array.from(numbers, row)]);

export const asJson = (numbers: Iterable<number>): string =>
  JSON.stringify(Array.from(numbers, (i) => Object.fromEntries(row(i).map((value, at) => [COLUMNS[at], value]))), null, 1);

export async function asZip(numbers: number[], done: (share: number) => void): Promise<Blob> {
  const files: { name: string; data: Uint8Array<ArrayBuffer> }[] =
    [{ name: "posters.csv", data: new TextEncoder().encode(asCsv(numbers)) }];
  for (const [at, i] of numbers.entries()) {
    const data = await thumbnail(i);
    files.push({ name: `thumbnails/${films.value!.ids[i].replace(/[^\w.@-]+/g, "_")}.jpg`, data });
    done((at + 1) / numbers.length);
  }
  return zip(files);
}

/** A thumbnail. A page opened from the disk may not read the files it shows: there it is cut out of its sheet. */
async function thumbnail(i: number): Promise<Uint8Array<ArrayBuffer>> {
  if (location.protocol !== "file:") return new Uint8Array(await (await fetch(source.thumbnail(i))).arrayBuffer());
  const known = films.value!;
  const { slots, sheet, sheets } = known.atlas;
  const [rows, cols] = sheet;
  const place = slots[i] % (rows * cols);
  const picture = await source.sheet(sheets[Math.floor(slots[i] / (rows * cols))]);
  const [w, h] = [picture.width / cols, picture.height / rows];
  const shape = known.shapes[i] / 1000;
  const canvas = new OffscreenCanvas(Math.round(Math.min(w, h * shape)), Math.round(Math.min(h, w / shape)));
  canvas.getContext("2d")!.drawImage(picture, (place % cols) * w, Math.floor(place / cols) * h, w, h, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 })).arrayBuffer());
}

let table: Uint32Array | null = null;
export function crc32(data: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

/** A ZIP of files as they are, which is what JPEGs want: PKWARE APPNOTE 6.3, method 0, names in UTF-8. */
export function zip(files: { name: string; data: Uint8Array<ArrayBuffer> }[]): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const central: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, data } of files) {
    const title = new TextEncoder().encode(name);
    const common = [20, 0x0800, 0, 0, 0x5a21, crc32(data), data.length, data.length, title.length, 0];
    const sizes = [2, 2, 2, 2, 2, 4, 4, 4, 2, 2];
    parts.push(packed([[4, 0x04034b50], ...common.map((v, at): [number, number] => [sizes[at], v])]), title, data);
    central.push(packed([[4, 0x02014b50], [2, 20], ...common.map((v, at): [number, number] => [sizes[at], v]), [2, 0], [2, 0],
                         [2, 0], [4, 0], [4, offset]]), title);
    offset += 30 + title.length + data.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const end = packed([[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...central, end], { type: "application/zip" });
}

function packed(fields: [number, number][]): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const at = new DataView(data.buffer);
  let offset = 0;
  for (const [size, value] of fields) {
    if (size === 2) at.setUint16(offset, value, true);
    else at.setUint32(offset, value, true);
    offset += size;
  }
  return data;
}

export function save(name: string, content: Blob | string, type = "text/plain"): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
