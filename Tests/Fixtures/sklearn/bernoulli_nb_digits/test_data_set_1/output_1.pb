
BprobabilitiesJ(€ﬁ",≤£K?,>Å9‹Ωa0P<;´:„8zG±9Dù6bôN>Nº©.