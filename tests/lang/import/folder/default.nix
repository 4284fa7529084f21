"default of the folder"
