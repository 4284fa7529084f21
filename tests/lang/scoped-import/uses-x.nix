[ x map (let x = 6; in x) ]
