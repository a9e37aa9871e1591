
probabilities2C"setosa"
versicolor"	virginica* J2JX?J'ٞ=JH՞=