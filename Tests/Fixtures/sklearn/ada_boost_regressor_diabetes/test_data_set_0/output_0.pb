	BvariableJ$ΔΐBxxϊBν%eCΗq
CόςsCν%eC«κ8CόςsCUΜB