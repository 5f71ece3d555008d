/** Programs of macros by what they show, for every mode: GNU as is asked what they mean. */
export const macroPrograms: Readonly<Record<string, string>> = {
  "arguments by position, by name, and left out": `
    .macro show a=D, b = E, c=1+2
      .ascii "<\\a;\\b;\\c>"
    .endm
    show; show 1; show 1 2 3; show 1,2,3; show 1, ,3; show ,2; show a=1; show c = 3, a=1; show 1 b=2
    show 1 + 2 3; show (1 + 2) 3; show [a + 4] x; show 1 - 2; show 1 -2; show "a b", "c,d"
    show "a;b" "" c; show 'a' ';' ; show ' ' 'b'; show a: b; show b=(1 == 2); show "a=1"; show @x y; show 1, # comment`,
  "parameters that are needed, and those that take the rest": `
    .macro need a:req b:req, c
      .byte \\a, \\b; .ifnb \\c; .byte \\c; .endif
    .endm
    need 1 2; need 1, 2, 3; need b=1 a=2; need 1 b = 2
    .macro all first rest:vararg
      .ascii "\\first|\\rest|"
      .ifnb \\rest
        all \\rest
      .endif
    .endm
    all; all 1; all 1, 2 , 3 4; all 1,,2; all (1 , 2)  +  3
    .macro do op, args:vararg
      \\op \\args
    .endm
    do mov, eax, dword ptr [ebx + 4]; do nop; do .byte, 1, 2, 3; do add eax, ebx`,
  "where values go": `
    .macro put n, xy
      .ascii "\\n\\xy\\()z \\n\\() \\@"
      .ascii "&xy &n& \\&n \\(\\n) &none &xy&xy"
      place_\\n\\()_\\@: .byte . - place_\\n\\()_\\@, 1\\n, \\n\\n + \\n
      .byte 7 & \\n, 5 && \\n # \\n "
      .byte 7 & n
    .endm
    put 1 2
    put 3, 41`,
  "& before the name of a parameter": `
    .macro m x
      .byte 1 & x, 1&x&1 , 2 &y& x
    .endm
    y = 3; x = 1
    m 3
    m " & 6"`,
  "what a parameter is called, and what a macro": `
    .macro Load.1 A, a, $r, .v, _
      .byte \\A, \\a, \\$r, \\.v, \\_
    .endm
    load.1 1 2 3 4 5; LOAD.1 a=1, A=2, _=3, $r=4, .v=5
    .macro .own x; .byte \\x; .endm
    .own 7; .OWN 8
    .MACRO nop; .byte 9; .ENDM
    nop; Nop`,
  "labels before calls, names that are labels and symbols": `
    .macro m x=1
      .byte \\x
    .endm
    a: m; b: c: m 2
    m: .byte m - a
    .macro n; .byte 3; .endm
    n = 4
    n
    .byte n`,
  "macros that define macros": `
    .macro make name, value
      .macro \\name x, y=\\value
        .byte \\x, \\y, \\value
      .endm
    .endm
    make one 1; one 5; one 5 6
    make two, (1 + 1); two 7
    .macro outer x
      .macro inner x
        .byte \\x
      .endm
      inner 9
    .endm
    outer 3; inner 4
    .irp n, 1, 2, 3
      .macro say\\n
        .byte \\n
      .endm
    .endr
    say1; say2; say3`,
  "a macro that is removed, and defined again": `
    .macro m; .byte 1; .endm
    m
    .purgem m
    .macro M; .byte 2; .endm
    m
    .macro n; .byte 3; .purgem n; .byte 4; .endm
    n
    .purgem m
    .macro n; .byte 5; .endm
    n`,
  recursion: `
    .macro down n
      .byte \\n
      .if \\n
        down (\\n-1)
      .endif
    .endm
    down 5
    .macro power n, of=1
      .if \\n == 0
        .long \\of
        .exitm
      .endif
      power \\n-1, \\of*2
    .endm
    power 10
    .macro tree depth
      .byte \\depth
      .if \\depth > 0
        tree (\\depth-1)
        tree (\\depth-1)
      .endif
    .endm
    tree 4`,
  "leaving early": `
    .macro m x
      .if 1
        .if \\x
          .byte 1
          .exitm
        .else
          .byte 7
        .endif
      .endif
      .byte 2
    .endm
    m 1; m 0
    .macro r
      .if 1
        .rept 3
          .byte 3
          .if 1
            .exitm
          .endif
          .byte 4
        .endr
        .byte 5
      .endif
    .endm
    r
    .rept 2
      .byte 6
      .exitm
    .endr
    .irp x, 1, 2
      .byte \\x
      .exitm
    .endr
    .macro outer
      inner; .byte 8
    .endm
    .macro inner
      .exitm; .byte 9
    .endm
    outer`,
  ".irp and .irpc": `
    .irp x, 1, 2, 3
      .ascii "<\\x>"
    .endr
    .irp x 1 2 3; .ascii "<\\x>"; .endr
    .irp x; .ascii "<\\x>"; .endr
    .irp x,,a,; .ascii "<\\x>"; .endr
    .irp x, "a b" c d, [eax + 4], 'e'
      .ascii "<\\x>"
    .endr
    .irp x=4, 5; .ascii "<\\x>"; .endr
    .irpc c, 12 34; .ascii "\\c,"; .endr
    .irpc c "12 34"; .ascii "\\c,"; .endr
    .irpc c, a,+(b); .ascii "\\c "; .endr
    .irpc c; .ascii "<\\c>"; .endr
    .irpc c, ""; .ascii "<\\c>"; .endr
    .irpc c, 'a'; .byte \\c; .endr`,
  "repetitions inside of one another and of macros": `
    .irp x, a, b
      .irpc y, cd
        .rept 2
          .ascii "\\x\\y"
        .endr
      .endr
    .endr
    .irp x, 1, 2
      .irp x, 3, 4
        .byte \\x
      .endr
    .endr
    .macro list name, items:vararg
      \\name\\()_first:
      .irp item, \\items
        .word \\item - \\name\\()_first
        .if \\item > 1
          .byte \\@
        .endif
      .endr
    .endm
    zero = 0
    list l1, zero, 2, 3
    list l2 4
    count = 0
    .rept 4
      .byte count
      .if count & 1
        .irp x, 8, 9
          .byte \\x + count
        .endr
      .endif
      count = count + 1
    .endr
    l: .rept 2; .byte 1; .endr junk
    .byte 2
    .macro k; .byte 3; .endm k
    k`,
  "conditions of every kind": `
    .macro try x, y
      .ifb \\x; .byte 1; .else; .byte 2; .endif
      .ifnb \\y; .byte 3; .endif
      .ifc \\x,\\y
        .byte 4
      .endif
      .ifnc \\x , 1+2; .byte 5; .endif
      .ifeqs "\\x", "a"; .byte 6; .endif
      .ifnes "\\x","\\y"; .byte 7; .endif
    .endm
    try; try a; try a a; try a,b; try 1 + 2, 1+2; try "a b" "a  b"; try " a" a; try "" a
    .macro sign x
      .ifeq \\x; .byte 0; .endif; .ifne \\x; .byte 1; .endif; .ifge \\x; .byte 2; .endif
      .ifgt \\x; .byte 3; .endif; .ifle \\x; .byte 4; .endif; .iflt \\x; .byte 5; .endif
      .if \\x == 1
        .byte 6
      .elseif \\x == 2
        .byte 7
      .elseif 1
        .byte 8
      .else
        .byte 9
      .endif
    .endm
    sign 0; sign 1; sign -1; sign 2
    .ifnb ""; .byte 1; .endif
    .ifc "a,b",c; .byte 2; .endif
    .ifc [a + b],[a+b]; .byte 3; .endif
    .ifeqs "\\x41\\n","A\\12"; .byte 4; .endif
    .ifdef here; .byte 5; .endif
    here:
    .ifdef here; .byte 6; .endif
    .ifndef there; .byte 7; .endif
    .ifnotdef here; .byte 8; .endif
    .ifdef sign; .byte 9; .endif`,
  "what is not read": `
    .if 0
      .macro gone
        .byte 1
      .endif
    .byte 2
    .if 0
      \` ? no statement at all [ ) \\x
      .if
      .elseif
      .else
      .endif
      .rept
    .else
      .byte 3
    .endif
    .macro unused x
      \` ? neither is this \\x
      .if 0
    .endm
    .macro m x
      .if \\x
        .byte 4
      .else
        unused
      .endif
    .endm
    m 1`,
  "numeric labels and the current place": `
    .macro spin
      1: jmp 1b
      jmp 1f
      .byte . - 1b
      1:
    .endm
    spin
    1: spin
    jmp 1b
    .macro mark name
      \\name = .
    .endm
    mark p
    nop
    mark q
    .byte q - p`,
  "values that are statements": `
    .macro twice what
      \\what
      \\what
    .endm
    twice nop; twice "mov eax, 5"; twice "nop; .byte 1 ; .byte 2"; twice "twice nop"
    .macro cat a b
      \\a\\b
    .endm
    cat no p; cat ".by" "te 5"; cat .byte " 1, 2"; cat "nop # " x`,
};
