# Page tables as data, and the code that fills others.
        .intel_syntax noprefix
        .code64

        PAGE    = 4096
        PRESENT = 1
        WRITABLE= 1 << 1
        USER    = 1 << 2
        LARGE   = 1 << 7
        NX      = 1 << 63

.macro  entries count:req, first=0, step=4096, flags=3
        .set    address, \first
        .rept   \count
        .quad   address | (\flags)
        .set    address, address + \step
        .endr
.endm

.macro  table   name:req, used:vararg
        .balign PAGE
\name:
        .ifb    \used
        .fill   512, 8, 0
        .else
1:      .irp    entry, \used
        .quad   \entry
        .endr
        .skip   PAGE - (. - 1b)
        .endif
.endm

        .section .tables, "aw", @progbits
        table   pml4, pdpt + PRESENT+WRITABLE
        .macro  at index, value
        .org    pml4 + \index * 8
        .quad   \value
        .endm
        table   pdpt, "pd + PRESENT + WRITABLE + USER", "pd2 + 3"
        table   pd2
        .balign PAGE
pd:     entries 16, step=0x200000, flags=(PRESENT | WRITABLE | LARGE)
        entries 16, 0x2000000, 0x200000, PRESENT|LARGE|NX
        .quad   pt + 7
        .org    pd + PAGE
pt:     entries 512, first=0x400000, flags=PRESENT|(WRITABLE & ~0)|NX
pt_end: .if     1
        .purgem at
        .endif

        .text
        .globl  fill, map
# fill(rdi: table, rsi: first address, ecx: entries, rdx: flags)
fill:   push    rbx
        mov     rax, rsi
        or      rax, rdx
1:      mov     [rdi], rax
        add     rax, PAGE
        add     rdi, 8
        dec     ecx
        jnz     1b
        pop     rbx
        ret
map:    mov     rax, cr4
        or      rax, 1 << 5 | 1 << 7
        mov     cr4, rax
        mov     rax, offset pml4
        mov     cr3, rax
        movabs  rax, offset pdpt
        mov     ecx, 0xc0000080
        rdmsr
        or      eax, (1 << 8) + (1 << 11)
        wrmsr
        mov     rax, cr0
        bts     rax, 31
        mov     cr0, rax
        mov     rdi, offset pt
        mov     ecx, (pt_end - pt) / 8
        mov     rdx, PRESENT | WRITABLE
        xor     esi, esi
        call    fill
        invlpg  [rdi]
        mov     al, [rip + pml4 + 8]
        mov     rbx, qword ptr [pd + 8*rcx]
        ret
