	2Southampton2
Queenstown2
Queenstown2	Cherbourg2Southampton2Southampton2	Cherbourg2	Cherbourg2BelfastBport