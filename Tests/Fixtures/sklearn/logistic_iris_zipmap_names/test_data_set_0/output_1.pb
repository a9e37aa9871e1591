
output_probability2I"setosa"
versicolor"	virginica*&
J{?
J=û<
J$˜⁄32I"setosa"
versicolor"	virginica*&
J.<?
J“C;
JÅ§ƒ12I"setosa"
versicolor"	virginica*&
Jπ®|?
Jm—U<
JI,ú32I"setosa"
versicolor"	virginica*&
JQøu;
J,ïx?
J¨¢Œ<2I"setosa"
versicolor"	virginica*&
JææΩ:
JZ†I?
JX>2I"setosa"
versicolor"	virginica*&
JUû;
JG0H?
J7LZ>2I"setosa"
versicolor"	virginica*&
JºGz7
JØ?À;
Jáh~?2I"setosa"
versicolor"	virginica*&
J?a+7
J^0å=
JHyn?2I"setosa"
versicolor"	virginica*&
JcˇÅ8
J§&Ø<
JªÇz?