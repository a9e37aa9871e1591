
output_probability2C"setosa"
versicolor"	virginica* J4¦}?JDs<J«fƒ2