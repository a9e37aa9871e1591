
probabilities2C"setosa"
versicolor"	virginica* JWOX?JÎçž=Jwž=2C"setosa"
versicolor"	virginica* Jw¿X?Jh¿›=JáDž=2C"setosa"
versicolor"	virginica* J2JX?J'Ùž=JHÕž=2C"setosa"
versicolor"	virginica* JWOX?JÎçž=Jwž=2C"setosa"
versicolor"	virginica* JWOX?JÎçž=Jwž=2C"setosa"
versicolor"	virginica* JÆŽR?Jµ9µ=JP¶=2C"setosa"
versicolor"	virginica* Jpå=JQÿF?Jýâ=2C"setosa"
versicolor"	virginica* J÷¿›=J9Y?J%wš=2C"setosa"
versicolor"	virginica* J—¦=J™„V?JŸÌ¥=2C"setosa"
versicolor"	virginica* JM®›=Jz Y?JáM›=2C"setosa"
versicolor"	virginica* J>å›=JY?Jýœ=2C"setosa"
versicolor"	virginica* JK ›=JñY?J/ø›=2C"setosa"
versicolor"	virginica* J¿c–=JµöQ?JœæÙ=2C"setosa"
versicolor"	virginica* JÐ ™=J‘U?J·Vº=2C"setosa"
versicolor"	virginica* JÚ›=J]Y?J9™=2C"setosa"
versicolor"	virginica* Jxß›=JùX?JXœ=2C"setosa"
versicolor"	virginica* Jä£ž=JNâž=J:OX?2C"setosa"
versicolor"	virginica* J3I˜=JiØ˜=JÌÛY?2C"setosa"
versicolor"	virginica* Js¶™=J[š=J¦‡Y?2C"setosa"
versicolor"	virginica* J!s¾=J-™A>JPË7?