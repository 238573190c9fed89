// Markdown in, a page that looks like GitHub's out. Nothing is sanitised: what GitHub would strip shows here.
import { readFileSync } from "node:fs";
import { marked } from "marked";

const [, , markdownFile, cssFile, theme = "light"] = process.argv;
const snapshot = readFileSync(markdownFile, "utf8");
// A recorded snapshot begins with a header between two lines of dashes.
const markdown = snapshot.startsWith("---\n") ? snapshot.slice(snapshot.indexOf("\n---\n", 3) + 5) : snapshot;
// Callouts are GitHub's own; its style sheet knows them.
const html = marked
  .parse(markdown, { gfm: true })
  .replace(/<blockquote>\s*<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*(?:<\/p>)?([\s\S]*?)<\/blockquote>/g, (_, kind, rest) => {
    const name = kind[0] + kind.slice(1).toLowerCase();
    const text = rest.trimStart().startsWith("<") ? rest : `<p>${rest}`;
    return `<div class="markdown-alert markdown-alert-${kind.toLowerCase()}"><p class="markdown-alert-title">${name}</p>${text}</div>`;
  });
const background = theme === "dark" ? "#0d1117" : "#fff";
process.stdout.write(`<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>${readFileSync(cssFile, "utf8")}
body { margin: 0; background: ${background} } .markdown-body { max-width: 900px; padding: 24px; margin: 0 auto }
</style>
<article class="markdown-body">${html}</article>
<script>for (const d of document.querySelectorAll("details")) d.open = ${process.env.OPEN === "1"}</script>
`);
