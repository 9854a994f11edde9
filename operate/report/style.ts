/** Colours that differ in brightness too, so that they are told apart without red and green; dark where the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fbfbf9; --card: #fff; --ink: #1c1f24; --dim: #667080; --rule: #e3e5e8;
  --ok: #2b6cb8; --bad: #d1491b; --calm: #6c7fb0; --warm: #c98a12; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1c2026; --ink: #e6e8eb; --dim: #98a2b0;
  --rule: #2d333b; --ok: #6aa7ee; --bad: #f28a5f; --calm: #8f9fd0; --warm: #e2b04a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 940px; padding: 32px 24px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 36px 0 10px; }
a { color: var(--ok); }
.dim, .unit, .axis { color: var(--dim); fill: var(--dim); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px; margin: 22px 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px; }
.card b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.card.bad b { color: var(--bad); }
.card span { color: var(--dim); font-size: 13px; }
figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; margin: 12px 0; padding: 12px 12px 4px; }
figcaption { padding: 0 4px 6px; }
svg { display: block; width: 100%; height: auto; }
.axis { font-size: 12px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.area { opacity: .18; }
.fill.ok, .area.ok { fill: var(--ok); } .fill.bad, .area.bad { fill: var(--bad); }
.fill.calm, .area.calm { fill: var(--calm); } .fill.warm, .area.warm { fill: var(--warm); }
.line.ok { stroke: var(--ok); } .line.bad { stroke: var(--bad); } .line.calm { stroke: var(--calm); } .line.warm { stroke: var(--warm); }
.hover { fill: transparent; } .hover:hover { fill: var(--ink); opacity: .07; }
.key { color: var(--dim); font-size: 13px; margin-left: 12px; }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
i.ok { background: var(--ok); } i.bad { background: var(--bad); } i.calm { background: var(--calm); } i.warm { background: var(--warm); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--dim); }
th, td { border-bottom: 1px solid var(--rule); padding: 5px 10px 5px 0; vertical-align: top; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 18px; }
details { border-bottom: 1px solid var(--rule); padding: 6px 0; } summary { cursor: pointer; }
summary b { color: var(--bad); }
footer { color: var(--dim); font-size: 13px; margin-top: 40px; }
@media print { body { max-width: none; } figure, .card { break-inside: avoid; } }
`;
