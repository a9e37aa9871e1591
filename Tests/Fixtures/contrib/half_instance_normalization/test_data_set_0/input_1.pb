
BscaleJT=¹9.¾