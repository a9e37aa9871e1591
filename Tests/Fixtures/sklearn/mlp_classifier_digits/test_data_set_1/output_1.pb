
BprobabilitiesJ(ªp√8iEg?Ç;€	)8Ó*<¡∂9€°;|qz;∆¢õ=/¨9