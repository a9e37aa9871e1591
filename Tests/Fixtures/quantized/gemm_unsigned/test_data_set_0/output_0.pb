
Bv5J(Wn]pZ»@ž?G<u1~Dx‡øzT‚‚‰nb^‘‡\QSD_ulwÏŒœ