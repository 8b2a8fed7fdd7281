import { defineConfig } from "vite";

// One classic script, no modules: a page opened from the disk may not load modules.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { "process.env.NODE_ENV": '"production"' },
  publicDir: "public",
  build: {
    outDir: "../src/posterity/web/page",
    emptyOutDir: true,
    target: "es2022",
    cssMinify: true,
    reportCompressedSize: true,
    lib: { entry: "src/main.tsx", name: "page", formats: ["iife"], fileName: () => "page.js", cssFileName: "page" },
  },
});
