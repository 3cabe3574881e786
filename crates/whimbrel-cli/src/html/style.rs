//! The style sheet of the page: a constant. Knows the classes that the sections write.

/// Light and dark, narrow and wide, on paper. Every pair of colours has a contrast of 4.5 at least.
pub(super) const STYLE: &str = r#"
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f8fa; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --link: #0550ae;
  --good: #116329; --good-ground: #dafbe1; --waiting: #6b4400; --waiting-ground: #fff3c4;
  --bad: #a40e26; --bad-ground: #ffe5e2; --plain: #424a53; --plain-ground: #e9edf1; --bar: #2f6fd0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f141a; --raised: #171d25; --text: #e6edf3; --quiet: #a3adb8; --line: #323a44; --link: #7cc0ff;
    --good: #7ee787; --good-ground: #12291b; --waiting: #f2cc60; --waiting-ground: #2d2510;
    --bad: #ffa198; --bad-ground: #361619; --plain: #c9d1d9; --plain-ground: #242b34; --bar: #5b9dff;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem); max-width: 100rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0 0 0.25rem; font-size: clamp(1.4rem, 1.1rem + 1.5vw, 2.1rem); line-height: 1.2; }
h2 { margin: 0 0 0.75rem; font-size: 1.35rem; line-height: 1.25; }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1.05rem; }
p { margin: 0 0 0.75rem; max-width: 60rem; }
code { font: 0.9em/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
small, .hint, .name, figcaption { color: var(--quiet); font-size: 0.875rem; font-weight: 400; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem 0.75rem; background: var(--ground); z-index: 1; }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.summary { font-size: 1.1rem; }
nav { margin: 1.25rem 0 0; border-block: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: 0.5rem 0; min-width: 1.5rem; }
section { margin-top: 2rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 0.75rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 0.5rem 0 1rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.refusal { border-left: 4px solid var(--bad); padding: 0.25rem 0.75rem; white-space: pre-line; }
table { width: 100%; border-collapse: collapse; margin: 0.5rem 0 1.5rem; font-size: 0.9375rem; }
caption { text-align: left; color: var(--quiet); padding: 0 0 0.4rem; font-size: 0.875rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.75rem 0.4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
tbody th { font-weight: 400; }
thead th { color: var(--quiet); border-bottom-width: 2px; white-space: nowrap; }
.word {
  display: inline-block; padding: 0 0.55em; border-radius: 1em; font-size: 0.875rem; font-weight: 600;
  white-space: nowrap; border: 1px solid currentcolor;
}
.good { color: var(--good); background: var(--good-ground); }
.waiting { color: var(--waiting); background: var(--waiting-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.plain { color: var(--plain); background: var(--plain-ground); }
.took { display: inline-block; min-width: 4.5rem; font-variant-numeric: tabular-nums; }
.track {
  display: inline-block; width: clamp(5rem, 22vw, 24rem); height: 0.7em; background: var(--plain-ground); border-radius: 2px;
}
.bar { display: block; height: 100%; min-width: 2px; background: var(--bar); border-radius: 2px; }
.short { white-space: nowrap; }
figure { margin: 0 0 1rem; }
svg { display: block; max-width: 100%; }
svg line { stroke: var(--quiet); stroke-width: 1; }
svg .done, svg .said { fill: var(--bar); }
svg .failed { fill: var(--bad); }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
summary { cursor: pointer; color: var(--link); }
details ol { margin: 0.4rem 0; padding-left: 1.6rem; }
details li { margin-bottom: 0.3rem; white-space: pre-wrap; }
@media (max-width: 56rem) {
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 0.4rem; }
  table, caption, tbody tr { display: block; }
  tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 0.6rem; }
  thead {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }
  tbody tr {
    border: 1px solid var(--line); border-radius: 6px; padding: 0.5rem 0.75rem;
    background: var(--raised);
  }
  tbody th, tbody td { display: flex; gap: 0.75rem; padding: 0.15rem 0; border: 0; }
  tbody th { font-weight: 600; }
  tbody th::before, tbody td::before {
    content: attr(data-column); content: attr(data-column) / ""; flex: 0 0 6.5rem; color: var(--quiet); font-size: 0.875rem; font-weight: 400;
  }
  .cell { flex: 1; min-width: 0; }
  .short { white-space: normal; }
  .track { width: 100%; min-width: 0; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --raised: #ffffff; --text: #000000; --quiet: #444444; --line: #999999; --link: #000000;
    --good: #000000; --good-ground: #ffffff; --waiting: #000000; --waiting-ground: #ffffff;
    --bad: #000000; --bad-ground: #ffffff; --plain: #000000; --plain-ground: #ffffff; --bar: #555555;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .skip { display: none; }
  h2, h3, caption { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  .track { border: 1px solid var(--line); }
  .bar, svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; display: block; }
}
@media (forced-colors: active) {
  .bar { background: CanvasText; forced-color-adjust: none; }
  svg rect { fill: CanvasText; }
}
"#;
