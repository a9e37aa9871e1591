
BprobabilitiesJ(L°7j&w?³«i:¾‚y6H9Qû8DÒ´9³Ÿ–9q=ªáè8