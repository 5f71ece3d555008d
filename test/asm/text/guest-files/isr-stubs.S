# Stubs for all 256 vectors, the table of them, and the IDT that a loop fills at run time.
        .intel_syntax noprefix
        .code64
        .section .text, "ax", @progbits

# The vectors that push an error code of their own
        .set    WITH_CODE, (1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) | (1 << 21)
        CODE_SELECTOR = 0x08
        .equ    GATE, 0x8e00

.macro  push_all
        .irp    register, rax, rbx, rcx, rdx, rsi, rdi, rbp
        push    \register
        .endr
        .irpc   digit, 89
        push    r\digit
        .endr
        .irp    number, 10, 11, 12, 13, 14, 15
        push    r\number
        .endr
.endm

.macro  pop_all
        .irp    number, 15, 14, 13, 12, 11, 10, 9, 8
        pop     r\number
        .endr
        .irp    register, rbp, rdi, rsi, rdx, rcx, rbx, rax
        pop     \register
        .endr
.endm

.macro  isr     vector, code=0
        .p2align 4
        .type   isr_\vector, @function
isr_\vector\():
        .if     \code == 0
        push    0
        .endif
        push    \vector
        jmp     common
        .size   isr_\vector, . - isr_\vector
.endm


.irp    vector, 0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 20
        isr     \vector
.endr
.irp    vector, 8, 10, 11, 12, 13, 14, 17, 21
        isr     \vector, code=1
.endr

        .balign 16
irqs:
        .set    vector, 32
        .rept   256 - 32
        push    vector - 128
        jmp     irq_common
        .p2align 3
        .set    vector, vector + 1
        .endr
irqs_end:

irq_common:
        add     qword ptr [rsp], 128
        push    [rsp]
        mov     qword ptr [rsp + 8], 0
common:
        push_all
        cld
        mov     rdi, rsp
        mov     rbp, rsp
        and     rsp, ~15
        call    handle
        mov     rsp, rbp
        pop_all
        lea     rsp, [rsp + 16]
        iretq

# rdi: the vector; rsi: the handler
        .globl  set_gate
set_gate:
        shl     rdi, 4
        lea     rax, [rip + idt]
        add     rdi, rax
        mov     eax, esi
        and     eax, 0xffff
        or      eax, CODE_SELECTOR << 16
        mov     dword ptr [rdi], eax
        mov     eax, esi
        and     eax, 0xffff0000
        or      eax, GATE
        mov     [rdi + 4], eax
        shr     rsi, 32
        mov     [rdi + 8], esi
        mov     dword ptr [rdi + 12], 0
        ret

load_idt:
        xor     edi, edi
1:      lea     rax, handlers[rip]
        mov     rsi, [rax + rdi * 8]
        push    rdi
        call    set_gate
        pop     rdi
        inc     edi
        cmp     edi, (handlers_end - handlers) / 8
        jb      1b
        lidt    [rip + idtr]
        ret

handle: mov     rax, [rdi + 15 * 8]
        bt      rax, 5
        jc      2f
        inc     qword ptr counts[rax * 8]
2:      ret

        .section .rodata, "a", @progbits
        .balign 8
handlers:
        .irp    vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
        .quad   isr_\vector
        .endr
        .set    i, 0
        .rept   (256 - 32) / 4
        .quad   irqs + i * 8, irqs + (i + 1) * 8, irqs + (i + 2) * 8, irqs + (i + 3) * 8
        i = i + 4
        .endr
handlers_end:
idtr:   .word   256 * 16 - 1
        .quad   idt

        .bss
        .balign 4096
idt:    .skip   256 * 16
counts: .zero   8 * 256
