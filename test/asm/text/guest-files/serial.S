        .file   "serial.S"
        .intel_syntax noprefix
        .code64
        .text
        .global main

        .set    COM1, 0x3f8
        .set    LSR, COM1 + 5
        .set    THRE, 0x20
        divisor = 115200 / 9600

.macro  outb    port, value=al
        .ifnc   \value,al
        mov     al, \value
        .endif
        .if (\port) < 0x100
        out     \port, al
        .else
        mov     dx, \port
        out     dx, al
        .endif
.endm
.macro  inb     port
        mov     edx, \port
        in      al, dx
.endm

.macro  print   text
        .pushsection .rodata.str, "a", @progbits
.Ltext\@:
        .string "\text"
        .popsection
        lea     rsi, [rip + .Ltext\@]
        call    puts
.endm

.macro  println text=""
        print   "\text\n"
.endm

.macro  save registers:vararg
        .irp register, \registers
        push \register
        .endr
.endm
.macro  restore first, rest:vararg
        .ifnb \rest
        restore \rest
        .endif
        pop \first
.endm
.macro  function name
        .globl \name
        .type \name, @function
        .p2align 4, , 15
\name:
        .macro end_function
        .size \name, . - \name
        .purgem end_function
        .endm
.endm

function main
        outb    COM1 + 1, 0
        outb    COM1 + 3, 0x80
        outb    COM1, divisor & 0xff
        outb    COM1 + 1, divisor >> 8
        outb    COM1 + 3, 3
        outb    COM1 + 2, 0xc7
        outb    COM1 + 4, 0x0b
        println "Hello; \"world\" # not a comment"
        print   "rsp = 0x"
        mov     rdi, rsp
        call    hex64
        println
        xor     eax, eax
        outb    0xf4
1:      hlt
        jmp     1b
end_function

function putc
        save    rax, rdx
        mov     ah, al
2:      inb     LSR
        test    al, THRE
        jz      2b
        mov     al, ah
        mov     dx, COM1
        out     dx, al
        restore rax, rdx
        ret
end_function

function puts
        save    rax rsi
        cld
3:      lodsb
        test    al, al
        je      4f
        cmp     al, '\n'
        jne     5f
        mov     al, '\r'
        call    putc
        mov     al, '\n'
5:      call    putc
        jmp     3b
4:      restore rax rsi
        ret
end_function

function hex64
        save    rax, rbx, rcx, rdi
        mov     ecx, 16
6:      rol     rdi, 4
        mov     eax, edi
        and     eax, 15
        movzx   eax, byte ptr digits[rax]
        call    putc
        loop    6b
        restore rax, rbx, rcx, rdi
        ret
end_function

        .section .rodata
digits: .ascii  "0123456789", "abcdef"
        .byte   0
        .ident  "by hand"
        .section .note.GNU-stack, "", @progbits
