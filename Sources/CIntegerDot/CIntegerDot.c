#include "CIntegerDot.h"
