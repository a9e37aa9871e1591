	BvariableJ$ß
ÛBŽ%CáG[CÞCfŒCÃ>GCôÉ"C»ÇoCFÂúB