/*
 * A GDT from macros: descriptors by base, limit and attributes, and the TSS behind them.
 */
        .intel_syntax noprefix
        .code32

.macro  descriptor base=0, limit=0xfffff, access=0x92, flags=0xc
        .word   (\limit) & 0xffff
        .word   (\base) & 0xffff
        .byte   ((\base) >> 16) & 0xff
        .byte   \access
        .byte   (((\limit) >> 16) & 0xf) | ((\flags) << 4)
        .byte   ((\base) >> 24) & 0xff
.endm

.macro  entry name:req, base=0, limit=0xfffff, access, flags=0xc
        .set    \name\()_SELECTOR, . - gdt
        descriptor \base, (\limit), access=\access, flags=\flags
        .globl  \name\()_SELECTOR
.endm

.macro  gate    handler, selector=CODE_SELECTOR, type=0xe, dpl=0
        .long   (\selector << 16)
        .long   (1 << 15) | ((\dpl & 3) << 13) | (\type << 8)
.endm

        A_PRESENT       = 1 << 7
        A_CODE          = 0x18
        A_DATA          = 0x10
        A_WRITABLE      = 1 << 1
        A_READABLE      = A_WRITABLE
        .equ A_USER, 3 << 5
        .equiv F_4K, 8
        .equiv F_32, 4

        .data
        .p2align 4
gdt:
        descriptor limit=0 access=0 flags=0
        entry CODE, access=(A_PRESENT | A_CODE | A_READABLE)
        entry DATA, access=A_PRESENT|A_DATA|A_WRITABLE
        entry USER_CODE, 0, 0xfffff, (A_PRESENT | A_USER | A_CODE | A_READABLE), F_4K | F_32
        entry USER_DATA, 0, 0xfffff, A_PRESENT|A_USER|A_DATA|A_WRITABLE, F_4K|F_32
        entry TSS, base=0x12345678, limit=(104 - 1), access=0x89, flags=0
        entry CODE16 limit=0xffff access=0x9a flags=0
gdt_end:
        .if     0
        .error  "the GDT is too long"
        .endif
gdtr:   .short  gdt_end - gdt - 1
        .int    gdt

        .text
        .globl start
start:  lgdt    [gdtr]
        ljmp    CODE_SELECTOR, offset reload
reload: mov     eax, DATA_SELECTOR
        .irp    register, ds, es, fs, gs, ss
        mov     \register, ax
        .endr
        mov     ax, TSS_SELECTOR | 3
        ltr     ax
        push    USER_DATA_SELECTOR | 3
        push    0x9000
        pushfd
        or      dword ptr [esp], 1 << 9
        push    USER_CODE_SELECTOR + 3
        push    offset user
        iretd
user:   int     0x80
        jmp     $
        .section .rodata
        gate 0
        gate 0, dpl=3
        gate 0, DATA_SELECTOR, 0xf, 7
