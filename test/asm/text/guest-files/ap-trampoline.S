# What another processor begins with: copied below 1 MiB, from real mode to 64-bit code.
        .intel_syntax noprefix
        BASE = 0x8000
        # The address of a label there.
        .macro  at name, label
        \name = \label - trampoline + BASE
        .endm

        .section .trampoline, "awx"
        .code16
        .balign 4096
        .globl trampoline
trampoline:
        cli
        cld
        xor     ax, ax
        mov     ds, ax
        lgdt    [gdtr_there]
        lidt    idtr_there
        mov     eax, cr0
        or      eax, 1
        mov     cr0, eax
        ljmp    0x08, offset protected_there
        .code32
protected:
        mov     ax, 0x10
        .irpc   letter, desfg
        .ifnc   \letter, f
        mov     \letter\()s, ax
        .endif
        .endr
        mov     eax, cr4
        or      eax, 1 << 5
        mov     cr4, eax
        mov     eax, dword ptr [cr3_there]
        mov     cr3, eax
        mov     ecx, 0xc0000080
        rdmsr
        or      ah, 1
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000
        mov     cr0, eax
        jmp     0x18:long_there
        .code64
long:
        xor     eax, eax
        .irp    s, ds, es, ss
        mov     \s, eax
        .endr
        mov     ebx, 1
        lock xadd dword ptr [count_there], ebx
        mov     rsp, [stack_there]
        shl     rbx, 12
        sub     rsp, rbx
        lock
        inc     dword ptr [ready_there]
1:      pause
        cmp     dword ptr ds:[go_there], 0
        je      1b
        mov     rax, qword ptr [entry_there]
        call    rax
2:      cli
        hlt
        jmp     2b

        .balign 8
gdt:    .quad   0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
gdtr:   .word   gdtr - gdt - 1
        .long   gdt - trampoline + BASE
idtr:   .word   0
        .long   0
        .p2align 3
root:    .long   0
count:  .long   0
ready:  .long   0
go:     .long   0
stack:  .quad   0
entry:  .quad   0
        .irp    name, gdtr, idtr, protected, long, count, ready, go, stack, entry
        at      \name\()_there, \name
        .endr
cr3_there = BASE + (root - trampoline)
trampoline_end:
        .equ    trampoline_size, trampoline_end - trampoline
        .fill   (4096 - (trampoline_end - trampoline)) / 4, 4, 0xcccccccc
