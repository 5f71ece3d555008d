/** How the page looks, in light and in dark. */

/** Colours by what they stand for: light, dark. Kinds of ranges differ in lightness, too. */
const colours: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  page: ["#ffffff", "#14181d"],
  panel: ["#f6f8fa", "#1c2229"],
  line: ["#d4dae1", "#36404b"],
  text: ["#1b222a", "#e3e8ee"],
  faint: ["#566270", "#9aa7b5"],
  accent: ["#0b5cad", "#79b8ff"],
  mark: ["#fff3c4", "#4a3f14"],
  warning: ["#8a4b00", "#f0b35e"],
  ram: ["#dfe7ef", "#3a4a5a"],
  rom: ["#e9dcc6", "#4b4130"],
  alias: ["#e2dcf0", "#3b3550"],
  mmio: ["#f3d3d8", "#572f38"],
  reserved: ["#e4e4e4", "#333333"],
  unbacked: ["#f6e3d7", "#4d3526"],
  guard: ["#e8b4b0", "#6b2f2c"],
  r: ["#cfdae6", "#3d4a58"],
  rw: ["#9ecae9", "#24587e"],
  rx: ["#b5d99c", "#3d6627"],
  rwx: ["#f2a65a", "#96581a"],
  code: ["#6fae45", "#7fc452"],
  tables: ["#a47bc4", "#b892d6"],
  data: ["#4f93c9", "#5aa5e0"],
  stack: ["#d0a02c", "#d9ad3e"],
};

function variables(column: 0 | 1): string {
  return Object.entries(colours)
    .map(([name, pair]) => `--${name}:${pair[column]}`)
    .join(";");
}

const kinds = Object.keys(colours).slice(8);

/** The style sheet. */
export const styles: string = `
:root{color-scheme:light dark;${variables(0)}}
@media (prefers-color-scheme:dark){:root{${variables(1)}}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:2px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--page);padding:.5rem;z-index:1}
.frame{display:grid;grid-template-columns:13rem minmax(0,1fr);max-width:100rem;margin:auto}
nav{position:sticky;top:0;align-self:start;height:100vh;overflow:auto;padding:1.5rem 1rem;border-right:1px solid var(--line)}
nav p{margin:0 0 .5rem;font-weight:600;overflow-wrap:anywhere}
nav ul{list-style:none;margin:0;padding:0}
nav li a{display:block;padding:.2rem .5rem;border-radius:4px;text-decoration:none;color:inherit}
nav li a:hover{background:var(--panel)}
main{padding:1.5rem 2rem 6rem;min-width:0}
h1{font-size:1.7rem;margin:0;overflow-wrap:anywhere}
.lead{margin:.2rem 0 0;color:var(--faint)}
section{margin-top:2.5rem}
h2{font-size:1.25rem;margin:0 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.25rem 0 .5rem}
code,pre,.tree,svg text{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
pre{margin:0;line-height:1.45}
.scroll{overflow-x:auto;width:fit-content;max-width:100%;border:1px solid var(--line);border-radius:6px;background:var(--panel)}
pre.scroll,.tree{padding:.6rem .8rem}
table{border-collapse:collapse;min-width:min(100%,32rem)}
th,td{text-align:left;vertical-align:top;padding:.1rem .8rem;white-space:nowrap}
th{font-weight:600;color:var(--faint);border-bottom:1px solid var(--line)}
td:empty{padding:0}
.lane-1{padding-left:1rem}
tr:target,:target>summary{background:var(--mark)}
.listing td{padding-block:0;line-height:1.6}
.listing .label td{padding-top:.5rem}
.listing .label b{font-weight:700}
.listing a{text-decoration:none}.listing a:hover{text-decoration:underline}
.faint,.source{color:var(--faint);fill:var(--faint)}
.left-out{color:var(--faint);font-style:italic;margin:.4rem 0}
.warnings li{color:var(--warning)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.5rem 2rem;margin:0}
dl div{display:flex;gap:.75rem}
dt{color:var(--faint);min-width:6.5rem}
dd{margin:0;overflow-wrap:anywhere}
.maps{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));gap:2rem}
figure{margin:0;min-width:0}
figcaption{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between}
figcaption h3{margin:0}
button{font:inherit;font-size:13px;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:5px;padding:.15rem .6rem;cursor:pointer}
button:hover{border-color:var(--accent)}
button[aria-pressed=true]{background:var(--accent);color:var(--page)}
.buttons{display:flex;gap:.3rem}
.map svg{display:block;width:100%;height:640px;margin:.5rem 0 0;border:1px solid var(--line);border-radius:6px;background:var(--panel);touch-action:pan-x;cursor:grab;overflow:hidden;user-select:none}
.map svg text{fill:var(--text);white-space:pre}
.map svg .address{text-anchor:end;fill:var(--faint);font-size:12px}
.map svg .faint{fill:var(--faint);font-size:12px}
.map svg .label{cursor:zoom-in}
.map svg .lane-0 .name{font-weight:700}
.range{stroke:var(--panel);stroke-width:1;cursor:zoom-in}
.range:hover{stroke:var(--text)}
.gap{fill:none;stroke:var(--line);stroke-dasharray:3 3}
.leader{fill:none;stroke:var(--faint);stroke-opacity:.55}
.view{margin:.3rem 0;color:var(--faint);font-size:13px;font-variant-numeric:tabular-nums}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:0 0 .5rem;padding:0;font-size:13px}
.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.4rem;vertical-align:-.05rem}
${kinds.map((kind) => `.kind-${kind}{fill:var(--${kind});background:var(--${kind})}`).join("\n")}
summary{cursor:pointer}
.tree{width:auto}
.tree details details,.tree .leaf{margin-left:1.25rem}
.tree .leaf{padding-left:1rem;white-space:nowrap}
.tree summary{white-space:nowrap}
.tree .left-out{margin-left:2.25rem}
details.bytes{margin-bottom:.4rem}
.timeline{display:block;width:100%;height:auto;margin-bottom:.75rem;border:1px solid var(--line);border-radius:6px;background:var(--panel)}
.timeline text{fill:var(--text)}
.timeline .lane{stroke:var(--line)}
.timeline .exit{fill:var(--accent)}
.timeline a:hover .exit,.timeline a:focus .exit{fill:var(--warning)}
.findings{margin:0;padding-left:1.5rem;max-width:60rem;overflow-wrap:anywhere}
.findings li{margin-bottom:.4rem}
.findings .hint{margin:0;color:var(--faint)}
pre.exit{white-space:pre-wrap;overflow-wrap:anywhere}
@media (max-width:60rem){.frame{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}nav ul{display:flex;flex-wrap:wrap}main{padding:1rem}}
@media print{nav,.buttons{display:none}.frame{display:block}}
`;
