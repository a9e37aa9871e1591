
BprobabilitiesJ(Р╝75Пu?Єв><ЮgФ8кАm;?Щ╝9yаш;╩ь:[vД<╙7