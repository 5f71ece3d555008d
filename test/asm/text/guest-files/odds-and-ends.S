# What else people write, in data and in code.
        .intel_syntax noprefix
        .code32
        .arch   i686
        .noaltmacro
        .nolist ; .list ; .print "nothing that has bytes"
        .text ; .globl odd, even ; .weak odd
        .local  hidden
        .hidden hidden
odd:    nop ; nop /* two */ ; nop     # and a third
/ a comment in the first column
        .byte   'a', 'b, '\'', '"', '\\', ' ', ';', '#'
        .ascii  "a" "b", "c\101\x42\b\f\n\r\t\"\\"
        .asciz  "", "x"
        .string "one", "two"
        .string16 "wide"
        .short  1, -1, 0xffff ; .hword 2 ; .value 3 ; .2byte 4
        .long   . - odd, odd - ., (odd - .) * 2 + 1
        .int    5 ; .4byte 6 ; .8byte 7
        .quad   0x1122334455667788, -1, hidden - odd
        .octa   0x0102030405060708090a0b0c0d0e0f10, 1, -1
        .float  1.5, -0.1, 1e10 ; .single 2 ; .double 3.25, 1e-300 ; .tfloat 1
        .fill   3, 2, 0x1234 ; .fill 4 ; .fill 2, 8, 0xffffffff ; .skip 3, 0xff ; .space 2 ; .zero 1
        .p2align 2, 0xcc ; .balign 8, 0 ; .align 16
        .uleb128 300 ; .sleb128 -5 ; .uleb128 0, 127, 128 ; .sleb128 63, 64, -64, -65
        .dc.b   1 ; .dc.w 2 ; .dc.l 3
        .set    size, 4 ; .equ twice, size * 2 ; .equiv fixed, twice + 1
        three = 3
        .long   size, twice, fixed, three
hidden:
        mov     eax, offset odd
        mov     eax, offset flat:odd + 4
        mov     eax, dword ptr odd
        mov     eax, dword ptr [odd + ebx * 4]
        mov     eax, odd[ebx*4 + 4]
        mov     eax, [ebx + size]
        mov     eax, size[ebx]
        mov     ax, word ptr es:[edi]
        mov     eax, ds:[odd]
        mov     eax, ds:odd
        mov     al, byte ptr [esi + 1*ecx + 'a']
        movzx   eax, byte ptr [ebx]
        movsx   eax, word ptr [ebx + 2]
        lea     eax, [eax + eax * 2 - 5]
        lea     ebx, odd
        push    offset odd ; push dword ptr [ebp - 4] ; push 0x12345678 ; push -1
        call    odd ; call dword ptr [odd] ; call eax ; call [ebx]
        jmp     hidden ; jmp dword ptr hidden[eax * 4] ; jz odd ; jecxz 1f
1:      loop    1b ; jmp short 1b ; jmp . ; jmp .+2 ; jmp $ + 3
        rep     movsd ; repne scasb ; rep stosb ; lodsw ; cmpsb
        rep movsb
        fld     qword ptr [ebx] ; fstp st(1) ; fild dword ptr [ebx] ; fldcw [ebx]
        in      al, 0x60 ; in eax, dx ; out 0x20, al ; out dx, ax
        int     3 ; int3 ; int 0x80 ; iret ; ret 4 ; retf ; hlt ; ud2
        shl     eax ; shl eax, 1 ; sar ebx, cl ; rol byte ptr [ebx], 3
        test    eax, 1 << 3 ; cmp byte ptr [ebx], 'x' ; and eax, not 7 ; or eax, 1 shl 4
        lock cmpxchg [ebx], ecx ; xchg eax, [ebx] ; bswap eax ; cpuid ; rdtsc
        mov     cr0, eax ; mov eax, cr2 ; mov dr7, eax ; mov ds, ax ; mov ax, ss
        .previous
        .section .data.extra, "aw"
even:   .long   odd, even
        .data
        .long   1
        .section .note, "", @note
        .long   4
        .cfi_startproc
        .cfi_endproc
        .end
        this is never read
