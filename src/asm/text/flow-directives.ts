/** The directives that decide which statements are read, and how often, by name. */
import { conditionDirectives } from "./directives-condition.ts";
import { macroDirectives } from "./directives-macro.ts";
import { repetitionDirectives } from "./directives-repetition.ts";
import type { FlowReader } from "./flow-directive.ts";

const endDirective: Readonly<Record<string, FlowReader>> = {
  ".end": ({ flow, cursor }) => {
    cursor.expectEnd();
    flow.stop();
  },
};

/** The directives, by name in lower case. */
export const flowDirectives: ReadonlyMap<string, FlowReader> = new Map<string, FlowReader>(
  [conditionDirectives, repetitionDirectives, macroDirectives, endDirective].flatMap((each) => Object.entries(each)),
);
