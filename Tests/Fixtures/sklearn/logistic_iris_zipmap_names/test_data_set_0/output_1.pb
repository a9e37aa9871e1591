
output_probability2C"setosa"
versicolor"	virginica* J{?J=û<J$˜⁄32C"setosa"
versicolor"	virginica* J.<?J“C;JÅ§ƒ12C"setosa"
versicolor"	virginica* Jπ®|?Jm—U<JI,ú32C"setosa"
versicolor"	virginica* JQøu;J,ïx?J¨¢Œ<2C"setosa"
versicolor"	virginica* JææΩ:JZ†I?JX>2C"setosa"
versicolor"	virginica* JUû;JG0H?J7LZ>2C"setosa"
versicolor"	virginica* JºGz7JØ?À;Jáh~?2C"setosa"
versicolor"	virginica* J?a+7J^0å=JHyn?2C"setosa"
versicolor"	virginica* JcˇÅ8J§&Ø<JªÇz?