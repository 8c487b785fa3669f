/** The evaluation as a page for people: the decision, and answers to look at. No script, nothing from elsewhere. */
import { type GateReport, grade } from "@mlops/gates";
import { z } from "zod";

const textOf = z.object({
  id: z.string(),
  document: z.string(),
  negative: z.boolean(),
  question: z.string(),
  reference: z.string(),
  candidate: grade.nullable(),
  live: grade.nullable(),
  candidate_answer: z.string(),
  live_answer: z.string().nullable(),
  candidate_reason: z.string(),
  live_reason: z.string(),
});
/** The texts that the evaluation writes beside the grades. */
export const evaluationTexts = z.object({ samples: z.array(textOf) });
type Texts = z.infer<typeof textOf>;

export interface PageSubjects {
  readonly candidate: string;
  /** Undefined if nothing is live. */
  readonly live: string | undefined;
  readonly judge: { readonly model: string; readonly promptSha256: string };
}

/** Examples of each kind. */
const EXAMPLES = 12;

/** UTF-8 of the page. */
export function evaluationPage(
  report: GateReport,
  { samples }: { readonly samples: readonly Texts[] },
  subjects: PageSubjects,
): Uint8Array {
  const { candidate, live, judge } = subjects;
  const worse = samples.filter((one) => one.live !== null && order(one.candidate) > order(one.live));
  const better = samples.filter((one) => one.live !== null && order(one.candidate) < order(one.live));
  const wrong = samples.filter((one) => one.candidate === "C" && !worse.includes(one));
  const answeredNegatives = samples.filter((one) => one.negative && one.candidate !== "A");
  const title = `${candidate}: evaluation ${report.verdict}`;
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem } td, th { text-align: left; vertical-align: top;
padding: .3rem .6rem; border-bottom: 1px solid #ddd } .passed { color: #14713d } .failed { color: #b3261e }
.inconclusive { color: #8a5a00 } pre { white-space: pre-wrap; margin: 0; font: inherit } small { color: #666 }
</style></head>
<body>
<h1 class="${report.verdict}">${title}</h1>
<p>${samples.length} held-out samples of ${report.dataset.name} ${report.dataset.version}; live: ${live ?? "nothing"}.
Judge: ${judge.model}, prompt <code>${judge.promptSha256}</code>. ${report.at}</p>
<table><tr><th>check</th><th>verdict</th><th>because</th></tr>
${report.checks.map(
  (check) => html`<tr><td>${check.name}</td><td class="${check.verdict}">${check.verdict}</td>
<td>${check.because}</td></tr>`,
)}</table>
${section("Worse than live", worse, samples.length)}
${section("Wrong, as live's answer was", wrong, samples.length)}
${section("Questions without an answer that were answered", answeredNegatives, samples.length)}
${section("Better than live", better, samples.length)}
${section("A part of all, as they came", samples, samples.length)}
</body></html>
`;
  return new TextEncoder().encode(page.text);
}

function section(title: string, samples: readonly Texts[], all: number): Markup {
  if (samples.length === 0) return html`<h2>${title}: none</h2>`;
  return html`<h2>${title}: ${samples.length} of ${all}</h2>
<table><tr><th>question</th><th>reference</th><th>candidate</th><th>live</th></tr>
${samples.slice(0, EXAMPLES).map(
  (one) => html`<tr><td><pre>${one.question}</pre><small>${one.id} of ${one.document}</small></td>
<td><pre>${one.reference}</pre></td>
<td>${one.candidate ?? "not graded"}: <pre>${one.candidate_answer}</pre><small>${one.candidate_reason}</small></td>
<td>${one.live ?? "not graded"}: <pre>${one.live_answer ?? ""}</pre><small>${one.live_reason}</small></td></tr>`,
)}</table>`;
}

function order(given: Texts["candidate"]): number {
  return given === null ? 3 : grade.options.indexOf(given);
}

/** Text that is HTML already. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** HTML of which every inserted value is escaped, unless it is HTML itself: answers may hold anything. */
function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[])[]
): Markup {
  const shown = (value: string | number | Markup | readonly Markup[]): string => {
    if (value instanceof Markup) return value.text;
    if (typeof value === "object") return value.map(({ text }) => text).join("\n");
    return escaped(String(value));
  };
  return new Markup(
    parts.map((part, index) => part + (index < values.length ? shown(values[index] ?? "") : "")).join(""),
  );
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
