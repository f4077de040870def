"""How report.html looks: one style sheet, legible on paper and on a telephone."""

REPORT_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f6; color: #22272e; font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
main { max-width: 70rem; margin: 0 auto; background: #fff; padding: 2.5rem clamp(1rem, 5vw, 4rem) 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .6rem; padding-top: 1rem; border-top: 1px solid #e2e5e9; }
p, ul { max-width: 46rem; }
.lead { font-size: 1.1rem; color: #4b5563; margin-top: 0; }
.verdict { border-left: 4px solid #0072b2; background: #eef5fa; padding: .8rem 1.1rem; max-width: 46rem; }
.verdict p { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .8rem 0; }
caption { text-align: left; color: #4b5563; padding-bottom: .4rem; }
th, td { padding: .38rem .8rem; text-align: right; white-space: nowrap; }
th[scope=row], thead tr:last-child th:first-child { text-align: left; padding-left: 0; }
th[scope=colgroup] { text-align: center; border-bottom: 1px solid #c3c8cf; }
th.first, td.first { padding-left: 1.8rem; }
thead tr:last-child th { color: #4b5563; font-weight: 500; border-bottom: 2px solid #22272e; }
tbody tr + tr > * { border-top: 1px solid #eceef1; }
tbody th { font-weight: 500; }
tbody tr:first-child th { font-weight: 700; }
td strong { color: #00578a; }
figure { margin: 1.4rem 0 2.2rem; }
.frame { overflow-x: auto; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: #4b5563; font-size: .93rem; margin-top: .5rem; max-width: 46rem; }
pre { background: #f6f7f9; border: 1px solid #e2e5e9; border-radius: 4px; padding: .9rem 1.1rem; overflow-x: auto;
  font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.4rem; }
dt { color: #4b5563; } dd { margin: 0; overflow-wrap: anywhere; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 500; }
footer { margin-top: 3rem; color: #6b7280; font-size: .88rem; }
@media (max-width: 44rem) { figure img { max-width: none; width: 42rem; } }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } h1 { font-size: 1.5rem; } }
@media print { body { background: #fff; } main { padding: 0; } }
"""
