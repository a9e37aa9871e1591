
probabilities2I"setosa"
versicolor"	virginica*&
J2JX?
J'ٞ=
JH՞=