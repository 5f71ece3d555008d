/** Which of an instruction's forms an author may have meant, for messages. */
import type { InstructionNode } from "../builder/node.ts";
import { operandFits, type Form } from "../instructions/form.ts";

/** As many forms as a message lists. */
const mostForms = 6;

/** All forms where they are few; else those that come nearest to what was written, the nearest first, and how many more. */
export function nearestFormsToText(forms: readonly Form[], node: InstructionNode): string {
  const texts = textsOf(forms, node);
  const more = texts.length - mostForms;
  if (more <= 0) return texts.join(" | ");
  const nearest = forms
    .map((form) => ({ form, distance: distanceOf(form, node) }))
    .toSorted((a, b) => a.distance - b.distance)
    .map(({ form }) => form);
  return `${textsOf(nearest, node).slice(0, mostForms).join(" | ")} and ${more} more`;
}

function textsOf(forms: readonly Form[], { mnemonic }: InstructionNode): readonly string[] {
  return [...new Set(forms.map(({ written, text }) => (written.length === 0 ? mnemonic : text)))];
}

/** How far a form is: another number of operands counts most, then a first operand that does not fit, then any other. */
function distanceOf(form: Form, node: InstructionNode): number {
  const { operands } = node;
  const misfits = operands.map((_, i) => !operandFits(form, i, node));
  const others = misfits.slice(1).filter(Boolean).length;
  return Math.abs(form.written.length - operands.length) * 100 + (misfits[0] === true ? 10 : 0) + others;
}
