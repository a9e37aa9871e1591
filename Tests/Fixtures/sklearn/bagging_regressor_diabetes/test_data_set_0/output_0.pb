	BvariableJ$Ža÷B£'
C&…SCÞ&C[‡PCX­8Cú&CÒRCs+C