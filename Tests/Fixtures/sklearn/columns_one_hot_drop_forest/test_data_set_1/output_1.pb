
output_probability2#"no"yes*J¡ð?J¾è>