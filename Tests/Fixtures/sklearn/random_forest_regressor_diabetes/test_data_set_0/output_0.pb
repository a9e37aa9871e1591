(BvariableJ È£BsWÈB¸X¼Bá»B	ì"C-@C~E"C…0CP„+C¹w¼BCøþBz—C™¨;CP„+CS#cCÃž%Cë!\C:uÊBu›}C½+C¹w¼BjÔ+CaC CÈÍB\$PCàZ=CI´
C
	TC‰ÍŽCðMÂBì#8C^'C^CP+C1í§BDOCtCžSÉBÎ
¶B