
BprobabilitiesJ(„*ø;Ýdä>o¹Y=Që<ÜºO=›î=&S'=ùˆˆ=Êº[>¼T·<