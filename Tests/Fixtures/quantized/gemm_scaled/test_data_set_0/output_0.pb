
Bv5J(kƒ\iX•Q©8m]†EpMstÖVs€rh\`¢\wgvOafmlÁ_˜