ByJ‚m
¾DM¥½bèH¿