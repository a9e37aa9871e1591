
probabilities2I"setosa"
versicolor"	virginica*&
JWOX?
JÎçž=
Jwž=2I"setosa"
versicolor"	virginica*&
Jw¿X?
Jh¿›=
JáDž=2I"setosa"
versicolor"	virginica*&
J2JX?
J'Ùž=
JHÕž=2I"setosa"
versicolor"	virginica*&
JWOX?
JÎçž=
Jwž=2I"setosa"
versicolor"	virginica*&
JWOX?
JÎçž=
Jwž=2I"setosa"
versicolor"	virginica*&
JÆŽR?
Jµ9µ=
JP¶=2I"setosa"
versicolor"	virginica*&
Jpå=
JQÿF?
Jýâ=2I"setosa"
versicolor"	virginica*&
J÷¿›=
J9Y?
J%wš=2I"setosa"
versicolor"	virginica*&
J—¦=
J™„V?
JŸÌ¥=2I"setosa"
versicolor"	virginica*&
JM®›=
Jz Y?
JáM›=2I"setosa"
versicolor"	virginica*&
J>å›=
JY?
Jýœ=2I"setosa"
versicolor"	virginica*&
JK ›=
JñY?
J/ø›=2I"setosa"
versicolor"	virginica*&
J¿c–=
JµöQ?
JœæÙ=2I"setosa"
versicolor"	virginica*&
JÐ ™=
J‘U?
J·Vº=2I"setosa"
versicolor"	virginica*&
JÚ›=
J]Y?
J9™=2I"setosa"
versicolor"	virginica*&
Jxß›=
JùX?
JXœ=2I"setosa"
versicolor"	virginica*&
Jä£ž=
JNâž=
J:OX?2I"setosa"
versicolor"	virginica*&
J3I˜=
JiØ˜=
JÌÛY?2I"setosa"
versicolor"	virginica*&
Js¶™=
J[š=
J¦‡Y?2I"setosa"
versicolor"	virginica*&
J!s¾=
J-™A>
JPË7?