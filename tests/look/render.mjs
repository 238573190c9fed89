// Markdown in, a page that looks like GitHub's out. Nothing is sanitised: what GitHub would strip shows here.
import { readFileSync } from "node:fs";
import { marked } from "marked";

const [, , markdownFile, cssFile] = process.argv;
const snapshot = readFileSync(markdownFile, "utf8");
// A recorded snapshot begins with a header between two lines of dashes.
const markdown = snapshot.startsWith("---\n") ? snapshot.slice(snapshot.indexOf("\n---\n", 3) + 5) : snapshot;
process.stdout.write(`<!doctype html><meta charset="utf-8">
<style>${readFileSync(cssFile, "utf8")}
body { margin: 0; background: #fff } .markdown-body { max-width: 900px; padding: 24px; margin: 0 auto }
</style>
<article class="markdown-body">${marked.parse(markdown, { gfm: true })}</article>
<script>for (const d of document.querySelectorAll("details")) d.open = ${process.env.OPEN === "1"}</script>
`);
