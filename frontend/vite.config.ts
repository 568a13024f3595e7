import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../cti/web/static",
    emptyOutDir: true,
    // The page's Content-Security-Policy allows no inline anything: data: URLs would be refused.
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: true,
  },
});
