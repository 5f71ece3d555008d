/** Where everything lies in a task-state segment. All other bits of the state are reserved. */
import type { TaskState, TaskState16, TaskState32, TaskState64 } from "./task-state-types.ts";

/** Where a field lies and how large it is, in bytes. */
export type Place = readonly [at: number, size: 2 | 4 | 8];

/** The names of the registers in a task's state. */
type RegisterOf<State> = Exclude<keyof State, "bits" | "ports" | "ioMapBase" | "trap">;

const registers16: Readonly<Record<RegisterOf<TaskState16>, Place>> = {
  link: [0, 2],
  sp0: [2, 2],
  ss0: [4, 2],
  sp1: [6, 2],
  ss1: [8, 2],
  sp2: [10, 2],
  ss2: [12, 2],
  ip: [14, 2],
  flags: [16, 2],
  ax: [18, 2],
  cx: [20, 2],
  dx: [22, 2],
  bx: [24, 2],
  sp: [26, 2],
  bp: [28, 2],
  si: [30, 2],
  di: [32, 2],
  es: [34, 2],
  cs: [36, 2],
  ss: [38, 2],
  ds: [40, 2],
  ldt: [42, 2],
};

const registers32: Readonly<Record<RegisterOf<TaskState32>, Place>> = {
  link: [0, 2],
  esp0: [4, 4],
  ss0: [8, 2],
  esp1: [12, 4],
  ss1: [16, 2],
  esp2: [20, 4],
  ss2: [24, 2],
  cr3: [28, 4],
  eip: [32, 4],
  eflags: [36, 4],
  eax: [40, 4],
  ecx: [44, 4],
  edx: [48, 4],
  ebx: [52, 4],
  esp: [56, 4],
  ebp: [60, 4],
  esi: [64, 4],
  edi: [68, 4],
  es: [72, 2],
  cs: [76, 2],
  ss: [80, 2],
  ds: [84, 2],
  fs: [88, 2],
  gs: [92, 2],
  ldt: [96, 2],
};

const registers64: Readonly<Record<RegisterOf<TaskState64>, Place>> = {
  rsp0: [4, 8],
  rsp1: [12, 8],
  rsp2: [20, 8],
  ist1: [36, 8],
  ist2: [44, 8],
  ist3: [52, 8],
  ist4: [60, 8],
  ist5: [68, 8],
  ist6: [76, 8],
  ist7: [84, 8],
};

/** A form of the TSS. */
export interface TaskStateForm {
  readonly bits: TaskState["bits"];
  /** In bytes, without an I/O permission bitmap. */
  readonly size: number;
  readonly registers: Readonly<Record<string, Place>>;
  /** The word with the T flag in its lowest bit. */
  readonly trap?: Place;
  /** The offset of the I/O permission bitmap. */
  readonly ioMapBase?: Place;
}

/** The forms: SDM vol. 3A, figures 7-10 (16 bits), 7-2 (32 bits) and 7-11 (64 bits). */
export const taskStateForms: Readonly<Record<TaskState["bits"], TaskStateForm>> = {
  16: { bits: 16, size: 44, registers: registers16 },
  32: { bits: 32, size: 104, registers: registers32, trap: [100, 2], ioMapBase: [102, 2] },
  64: { bits: 64, size: 104, registers: registers64, ioMapBase: [102, 2] },
};
