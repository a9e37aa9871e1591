
output_probability2I"setosa"
versicolor"	virginica*&
J4¦}?
JDs<
J«fƒ2