import ./.
