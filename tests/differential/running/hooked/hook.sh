#!/bin/sh
echo "hook is $0"
