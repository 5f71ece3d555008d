# A boot sector: prints, turns A20 on, loads the kernel, and goes to protected mode.
        .intel_syntax noprefix
        .code16
        .globl  _start
        .type   _start, @function

        .equ    KERNEL_SEGMENT, 0x1000
        .equ    KERNEL_SECTORS, 32
        .set    STACK, 0x7c00
        COM1 = 0x3f8

/* Prints a string that stands behind the code. */
.macro  print text:req
        mov     si, offset 77f
        call    puts
        jmp     78f
77:     .asciz  "\text\r\n"
78:
.endm

.macro  outb port:req, value:req
        .ifnc   \value, al
        mov     al, \value
        .endif
        .if     \port > 0xff
        mov     dx, \port
        out     dx, al
        .else
        out     \port, al
        .endif
.endm

        .text
_start:
        cli
        cld
        xor     ax, ax
        .irp    segment, ds, es, ss
        mov     \segment, ax
        .endr
        mov     sp, STACK
        ljmp    0, offset begin
begin:
        mov     [drive], dl
        sti
        print   "loading"

        outb    COM1+3, 0x80    ; outb COM1, 1 ; outb COM1+1, 0
        outb    COM1+3, '\n'-7
        outb    0x80, al

        /* A20 by the keyboard's controller, then by port 0x92. */
1:      in      al, 0x64
        test    al, 2
        jnz     1b
        outb    0x64, 0xd1
2:      in      al, 0x64
        test    al, 1 << 1
        jnz     2b
        outb    0x60, 0xdf
        in      al, 0x92
        or      al, 2
        and     al, ~1 & 0xff
        out     0x92, al

        mov     si, offset packet
        mov     ah, 0x42
        mov     dl, byte ptr [drive]
        int     0x13
        jc      failed

        cli
        lgdt    gdtr
        mov     eax, cr0
        or      eax, 1
        mov     cr0, eax
        jmp     0x08:protected

failed:
        print   "disk"
        hlt
        jmp     failed

puts:
        pusha
        mov     bx, 7
3:      lodsb
        or      al, al
        jz      4f
        mov     ah, 0xe
        int     0x10
        jmp     3b
4:      popa
        ret
        .size   _start, . - _start

        .code32
protected:
        mov     ax, 0x10
        .irp    segment, ds, es, fs, gs, ss
        mov     \segment, ax
        .endr
        mov     esp, 0x90000
        mov     eax, KERNEL_SEGMENT << 4
        jmp     eax
        .code16

        .p2align 3
gdt:    .quad   0
        .word   0xffff, 0
        .byte   0, 0b10011010, 0xcf, 0
        .word   0xffff, 0
        .byte   0, 0b10010010, 0xcf, 0
gdtr:   .word   . - gdt - 1
        .long   gdt

packet: .byte   16, 0
        .word   KERNEL_SECTORS, 0, KERNEL_SEGMENT
        .quad   1
drive:  .byte   0

        .org    510
        .word   0xaa55
