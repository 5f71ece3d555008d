/**
 * What a description asks of its own names and labels, for the compiler: a name that nothing has, or a label that nobody
 * defines, is a type error that says so.
 */
import type { Linked } from "../../asm/index.ts";
import type { ExceptionName } from "../descriptors/index.ts";
import type { GuestDescription } from "./description.ts";
import type { LabelsIn, SymbolsIn } from "./symbol-names.ts";

type MemoryIn<D> = D extends { readonly memory: infer M } ? keyof M : never;

type StacksIn<D> = D extends { readonly stacks: infer S } ? keyof S : never;

type PlacesIn<D> = D extends { readonly mode: "real16" }
  ? MemoryIn<D>
  : D extends { readonly paging: { readonly map: infer M } }
    ? keyof M
    : MemoryIn<D>;

type SegmentsIn<D> = D extends { readonly gdt: { readonly segments: infer S } } ? keyof S : "code" | "data";

/**
 * What the compiler shows where a name is wrong: what the mistake is, and the names that there are. No value has this type.
 */
export interface Mistake<Message extends string, ThereIs> {
  readonly "this name does not exist": Message & ThereIs;
}

/** `unknown` where one of `Names` is given, or a name that is computed: the build checks it. */
type Known<Name, Names, What extends string> = Name extends Names
  ? unknown
  : string extends Name
    ? unknown
    : Mistake<`no ${What} is named "${Name & string}"; there is`, Names>;

/** What a name under a key asks: nothing where there is none. */
type Naming<T, Key extends string, Names, What extends string> = {
  readonly [K in keyof T & Key]: Known<T[K], Names, What>;
};

/** What the entries of a part of the description ask. */
type Entries<T, Key extends string, Names, What extends string> = {
  readonly [Name in keyof T]: Naming<T[Name], Key, Names, What>;
};

/** A label of a program, which a gate leads to. */
type KnownLabel<Name, D> = Known<Name, LabelsIn<D>, "label">;

/** What a stack pointer asks: a name is that of a stack or place. */
type KnownStack<Pointer, D> = Pointer extends string ? Known<Pointer, StacksIn<D> | PlacesIn<D>, "stack"> : unknown;

/** What an object of stack pointers asks. */
type StackPointers<T, D> = { readonly [Key in keyof T]: KnownStack<T[Key], D> };

/** What an entry of the GDT or an LDT asks. */
type SegmentNames<S, D> = Naming<S, "in", PlacesIn<D>, "place"> &
  Naming<S, "segment" | "task", SegmentsIn<D>, "segment"> &
  (S extends { readonly target: infer T } ? { readonly target: KnownLabel<T, D> } : unknown) &
  (S extends { readonly type: "tss"; readonly stacks: infer T } ? { readonly stacks: StackPointers<T, D> } : unknown) &
  (S extends { readonly type: "tss"; readonly ist: infer T } ? { readonly ist: StackPointers<T, D> } : unknown) &
  (S extends { readonly type: "tss"; readonly entry: infer T } ? { readonly entry: KnownLabel<T, D> } : unknown) &
  (S extends { readonly type: "tss"; readonly stack: infer T } ? { readonly stack: KnownStack<T, D> } : unknown);

type GdtNames<T, D> = Naming<T, "in", PlacesIn<D>, "place"> &
  (T extends { readonly segments: infer S }
    ? { readonly segments: { readonly [Name in keyof S]: SegmentNames<S[Name], D> } }
    : unknown);

/** What a vector asks: a label, by itself or as a handler. */
type VectorNames<V, D> = V extends string
  ? KnownLabel<V, D>
  : (V extends { readonly handler: infer H } ? { readonly handler: KnownLabel<H, D> } : unknown) &
      Naming<V, "segment" | "task", SegmentsIn<D>, "segment">;

/** `Names` where an exception has that name; a vector's number, and a name that is computed, the build checks. */
type KnownVector<Name, Names> = Name extends number | `${number}` | ExceptionName
  ? Names
  : string extends Name
    ? Names
    : Mistake<`no exception is named "${Name & string}"; there is`, ExceptionName>;

type IdtNames<T, D> = Naming<T, "in", PlacesIn<D>, "place"> &
  (T extends { readonly vectors: infer V }
    ? { readonly vectors: { readonly [Name in keyof V]: KnownVector<Name, VectorNames<V[Name], D>> } }
    : unknown) &
  (T extends { readonly stubs: infer S } ? { readonly stubs: Naming<S, "in", PlacesIn<D>, "place"> } : unknown);

/** What TR and LDTR ask: null, or a segment. */
type SystemRegisters<T, D> = {
  readonly [R in keyof T & ("tr" | "ldtr")]: T[R] extends string ? Known<T[R], SegmentsIn<D>, "segment"> : unknown;
};

type CpuNames<D> = D extends { readonly mode: "real16" }
  ? unknown
  : D extends { readonly cpu: infer T }
    ? SystemRegisters<T, D> &
        (T extends { readonly segments: infer S }
          ? { readonly segments: { readonly [R in keyof S]: Known<S[R], SegmentsIn<D>, "segment"> } }
          : unknown)
    : unknown;

/** What a description asks of its own names and labels: where one is wrong, its type here says what is wrong. */
export interface Consistent<D extends GuestDescription> {
  readonly memory: Entries<D["memory"], "of", MemoryIn<D>, "memory">;
  readonly paging?: D extends { readonly mode: "real16"; readonly paging: unknown }
    ? "real mode has no paging: leave it out"
    : D extends { readonly paging: { readonly map: infer M } }
      ? { readonly map: Entries<M, "in", MemoryIn<D>, "memory"> }
      : unknown;
  readonly stacks?: D extends { readonly stacks: infer S } ? Entries<S, "in", MemoryIn<D>, "memory"> : unknown;
  readonly gdt?: D extends { readonly gdt: infer T } ? GdtNames<T, D> : unknown;
  readonly idt?: D extends { readonly idt: infer T } ? IdtNames<T, D> : unknown;
  readonly e820?: D extends { readonly e820: infer T } ? Naming<T, "in", PlacesIn<D>, "place"> : unknown;
  readonly place: {
    readonly [P in keyof D["place"]]: {
      readonly code: Linked<D["place"][P]["code"], SymbolsIn<D>>;
      readonly in: Known<D["place"][P]["in"], PlacesIn<D>, "place">;
      readonly sections?: D["place"][P] extends { readonly sections: infer S }
        ? Entries<S, "in", PlacesIn<D>, "place">
        : unknown;
    };
  };
  readonly entry?: D extends { readonly entry: infer E } ? Known<E, keyof D["place"], "program"> : unknown;
  readonly stack?: D extends { readonly stack: infer S } ? Known<S, PlacesIn<D> | StacksIn<D>, "place"> : unknown;
  readonly cpu?: CpuNames<D>;
}
