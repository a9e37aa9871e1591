BvariableJ
|Ì?