
output_probability2#"no"yes*J‚H?Jъч]>