
BprobabilitiesJ(q@:ô|5P†?Ş±:hï"+hÈş0q˜0¿8?5Ëøé2×¶Ï2